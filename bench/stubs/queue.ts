/**
 * The service behind a queue's producer binding, which workerd alone lacks. It counts and drops messages and returns the
 * count on `GET /`. Each measured Worker has its own instance of this code, so a message costs both sides the same, and
 * no consumer competes with the measurement.
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
