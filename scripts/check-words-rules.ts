/** The words that have a better one, and the files that still have some. The list only shrinks. */

type Rule = { pattern: RegExp; instead: string };

export const rules: readonly Rule[] = [
  {
    pattern: /\b(uniquePlace|PlaceObject|PLACES|signposts?|holdsPlace|placeObject)\b/,
    instead: "unique key",
  },
  {
    pattern: /\b([Aa] place (is|that)|[Hh]olds? (the|a|its) place|holder of a place)\b/,
    instead: "unique key",
  },
  { pattern: /\b(sameRequest\w*|same_request)\b/, instead: "dedupeWindowMs, input_hash" },
  { pattern: /\b(standIn\w*|in (its|their|another's) stead)\b/, instead: "existing job, deduplicated" },
  {
    pattern: /\b(slices|sliceStartedAt|continueLater|ContinueLater|another slice|the slice)\b/,
    instead: "continuation, run",
  },
  {
    pattern: /\b(silenceLimit\w*|silence_limit\w*|[Ss]igns? of life|heardAt)\b/,
    instead: "heartbeat timeout",
  },
  {
    pattern:
      /\b(attemptLimit\w*|attempt_limit\w*|timeLimit\w*|time_limit\w*|startWithin\w*|start_within\w*)\b/,
    instead: "attempt, total or start timeout",
  },
  {
    pattern: /\b(sendAgain|nextSendAt|redeliverMs|REDELIVER_MS)\b/,
    instead: "redispatch, dispatchTimeoutMs",
  },
  { pattern: /\bDeliveryTry\b/, instead: "DeliveryAttempt" },
  { pattern: /\b([Hh]earsay|ListingObject|LISTINGS|listingObject|openEntryStore)\b/, instead: "job index" },
  {
    pattern: /\b(toldVersion|openAnnouncer|[Kk]nocks?|[Kk]nocked|[Kk]nocking)\b/,
    instead: "publish, indexedVersion, reconcile",
  },
  { pattern: /\b(spared|outdone|isSoonOutdone|isPassing)\b/, instead: "backoffUntil, superseded, transient" },
  { pattern: /\b([Tt]ally|openTally|totals store)\b/, instead: "stats" },
  {
    pattern: /\b(keepLine|leaseCutOff|hung up|[Hh]angs up|hangUp)\b/,
    instead: "worker socket, closed normally",
  },
  { pattern: /\b([Ff]ollowers?|FOLLOWERS_MAX|openFeed)\b/, instead: "subscriber, subscription" },
  { pattern: /\b(openReporter|nudge|beatMs)\b/, instead: "run reporter, wake, heartbeat interval" },
  { pattern: /\b([Dd]oorbells?|ringBy)\b/, instead: "a message triggers, an alarm fires, fireBy" },
  { pattern: /\b(at the door|webhookFaults|faultsOf|misread|complain)\b/, instead: "validation, FieldError" },
  { pattern: /\b(RunRefusal|refusalOf|orRefusal)\b/, instead: "rejection, reason" },
  { pattern: /lib\/world\.ts/, instead: "lib/runtime.ts" },
  { pattern: /\b(presentJob|presentEvent|presentTime|presentDelivery)\b/, instead: "toJobView, formatTime" },
  { pattern: /\b(refuseMonsters|refuseOddities)\b/, instead: "assertWithinLimits, assertIJson" },
  {
    pattern: /\b([Pp]lanted bugs?|thousand worlds|worlds? of faults)\b/,
    instead: "mutation, simulation runs and seeds",
  },
  { pattern: /\b([Rr]ehearsals?|rehearse)\b/, instead: "test.simulate" },
  { pattern: /\b(unique_conflict|Unique-Conflict)\b/, instead: "duplicate_job, deduplicated" },
  {
    pattern: /\b([Ww]hoever|[Nn]obody|[Ss]omebody)\b/,
    instead: "the actor: the Worker, the runner, the client",
  },
];

/** How many old words each file may still have. */
export const allowed: Readonly<Record<string, number>> = {
  // The offences that the test of this check plants.
  "test/check.test.ts": 3,
};
