// What an operator may throw on purpose, and the SDKs' own reject codes. Anything else that is thrown is a mistake in the code: a trap.

/** The record has no key, and the operator keeps state by key. */
export const NO_KEY = 65_000;
/** Key or value is not UTF-8 text, or null. */
export const BAD_TEXT = 65_001;
/** The value is not the JSON that was expected. */
export const BAD_JSON = 65_002;
/** The record has no timestamp, and the operator works in event time. */
export const NO_TIME = 65_003;

/** Refuses the current record: it goes where the job sends rejects, the others go on. */
export class Reject extends Error {
  constructor(code, message) {
    super(message);
    this.name = "Reject";
    this.code = code;
  }
}

/** The call as a whole fails for now: the same batch comes again later. */
export class Retry extends Error {
  constructor(message) {
    super(message);
    this.name = "Retry";
  }
}

/** The call as a whole fails: the job stops and shows the message. */
export class Fatal extends Error {
  constructor(message) {
    super(message);
    this.name = "Fatal";
  }
}
