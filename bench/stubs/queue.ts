/**
 * What workerd alone lacks: the service behind a queue's producer binding. It takes messages, counts them and drops
 * them, and tells on `GET /` how many it took. The Workers measured share this code, each with an instance of its own,
 * so a message costs all of them the same, and no consumer competes with what is measured.
 */

let taken = 0;

export default {
  async fetch(request: Request): Promise<Response> {
    if (request.method === "GET") return Response.json({ taken });
    await request.arrayBuffer();
    taken += 1;
    return Response.json({ metadata: { metrics: { backlogCount: 0, backlogBytes: 0 } } });
  },
};
