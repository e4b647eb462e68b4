/** Who owns which identifier: whatever the service has shown must name one job for ever. */

export type Owners = ReturnType<typeof openOwners>;

/** A book of identifiers. `faults` grows by one for each that was shown for two jobs. */
export function openOwners() {
  const ownerOf = new Map<string, string>();
  const faults: string[] = [];

  /** Enters that the service showed this identifier for the job. */
  function enter(kind: string, identifier: string, jobId: string): void {
    const owner = ownerOf.get(`${kind} ${identifier}`) ?? jobId;
    ownerOf.set(`${kind} ${identifier}`, owner);
    if (owner !== jobId) faults.push(`${kind} ${identifier} is of ${owner} and of ${jobId}`);
  }

  return {
    enter,
    /** Enters a job that was just made: no job may have had its id. */
    enterNew(jobId: string): void {
      if (ownerOf.has(`job ${jobId}`)) faults.push(`job ${jobId} was made twice`);
      enter("job", jobId, jobId);
    },
    faults,
    /** How many identifiers there are. */
    count: () => ownerOf.size,
  };
}
