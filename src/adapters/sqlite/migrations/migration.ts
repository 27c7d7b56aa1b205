/** One step of the schema. Never edited after it was released: a change is the next step. */
export type Migration = {
  number: number
  sql: string
}
