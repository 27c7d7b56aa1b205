import { openApiDocument } from '../../hosts/connect.ts'
import type { CommandContext } from '../terminal.ts'

/** Prints the OpenAPI document of this version. */
export async function run({ terminal }: CommandContext): Promise<number> {
  terminal.out(`${JSON.stringify(openApiDocument(), null, 2)}\n`)
  return 0
}
