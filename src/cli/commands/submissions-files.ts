import { mkdirSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { dataOf } from '../../client/client.ts'
import { withInstance } from '../instance.ts'
import { type CommandContext, print } from '../terminal.ts'

/** Saves the uploads of a submission. Their names are the visitor's: only a safe form of them is used. */
export async function run(context: CommandContext): Promise<number> {
  const [reference = '', folder = '.'] = context.arguments
  return await withInstance(context, async (client) => {
    const submission = dataOf(await client.GET('/api/v1/submissions/{reference}', { params: { path: { reference } } }))
    const saved: { file: string; size: number }[] = []
    for (const { file } of submission.entries) {
      if (file === null) continue
      const path = { reference: submission.reference, number: file.number }
      const content = dataOf(
        await client.GET('/api/v1/submissions/{reference}/files/{number}', {
          params: { path },
          parseAs: 'arrayBuffer',
        }),
      )
      mkdirSync(folder, { recursive: true })
      const target = resolve(join(folder, `${submission.reference}-${file.number}-${safeName(file.fileName)}`))
      // Never over a file that is there.
      writeFileSync(target, new Uint8Array(content as ArrayBuffer), { flag: 'wx' })
      saved.push({ file: target, size: file.size })
    }
    print(context, saved, (files) =>
      files.length === 0
        ? 'This submission has no uploads.\n'
        : files.map(({ file, size }) => `${file} (${size} bytes)\n`).join(''),
    )
    return 0
  })
}

function safeName(fileName: string): string {
  return (
    fileName
      .replace(/[^\p{L}\p{N}._-]/gu, '_')
      .replace(/^\.+/, '_')
      .slice(-100) || 'file'
  )
}
