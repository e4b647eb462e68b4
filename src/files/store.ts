/** placeholder */
export type StoredFile = { id: string; size: number; contentType: string; sha256: string; createdAt: number };

/** The tenant's files as a job's code sees them. */
export type JobFiles = {
  /** Opens a file of the tenant from byte `offset` on; null if there is no such file. */
  open(
    id: string,
    offset?: number,
  ): Promise<{ file: StoredFile; body: ReadableStream<Uint8Array> } | null>;
  /** Stores what `chunks` yields as a file of this job; never holds more than one part (5 MiB) in memory. */
  create(contentType: string, chunks: AsyncIterable<Uint8Array | string>): Promise<StoredFile>;
};
