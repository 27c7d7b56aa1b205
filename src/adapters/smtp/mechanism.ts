/** One SASL mechanism (RFC 4422), in plain text; base64 is the concern of `authenticate`. */
export type Mechanism = {
  readonly name: string
  /** What the client says first; null when the server begins. */
  readonly initial: string | null
  /** The answer to a challenge; null: the server is not to be trusted, end it. */
  next(challenge: string): Promise<string | null>
  /** Whether a success of the server may be believed. */
  readonly satisfied: boolean
}
