/** placeholder */
export type JobDatasets = Record<string, never>;
