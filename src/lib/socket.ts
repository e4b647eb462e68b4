/** WebSocket closing codes, RFC 6455 section 7.4.1. */

/** The conversation is over; nothing went wrong. */
export const NORMAL_CLOSURE = 1000;
