import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import type { Report } from '../../bench/report.ts'

test('the bench measures intake and delivery in one run with the floors they are compared with', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, ['bench/main.ts', '--quick', '--json'])
  const { reports } = JSON.parse(stdout) as { reports: Report[] }
  const compared = reports.flatMap(({ promise, ratios }) => ratios.map((ratio) => ({ promise, ...ratio })))
  expect(compared.map(({ promise, of, to }) => [promise, of, to])).toEqual(
    expect.arrayContaining([
      ['intake', 'todoku, relay silent', 'bare node:http, group commit'],
      ['delivery', 'todoku, store to relay', 'nodemailer pool'],
    ]),
  )
  for (const { ratio } of compared) expect(ratio.median).toBeGreaterThan(0)
})
