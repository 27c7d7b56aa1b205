/** One step of the schema. Never edited after it was released: a change is the next step. */
export type Migration = {
  number: number
  /** An older version of todoku can't use the store any more. */
  breaking: boolean
  sql: string
}
