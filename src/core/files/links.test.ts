import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { sampleAccept, sampleSubmission } from '../../../test/contracts/samples.ts'
import { testDeps } from '../../../test/fakes/test-deps.ts'
import type { Entry } from '../submissions/submission.ts'
import { enclose, travelBytes } from './enclose.ts'
import { fileLinkUrl, linksEnd, openFileLink } from './links.ts'

const entries: Entry[] = [
  { kind: 'text', name: 'message', value: 'long' },
  { kind: 'file', name: 'doc', file: { blob: 'a'.repeat(26), fileName: 'a.pdf', type: '', size: 3, hash: 'h' } },
]

async function linked() {
  const deps = testDeps()
  const submission = sampleSubmission({ reference: 'KD4-MR7-WC3', entries })
  await deps.submissions.accept({ ...sampleAccept(), submission })
  const until = linksEnd(deps, deps.clock.now())
  const tokenOf = (index: number) => {
    const url = new URL(fileLinkUrl(deps, submission, index, until))
    expect(url.origin).toBe('https://forms.example.jp')
    return url.pathname.replace('/files/', '')
  }
  return { deps, submission, until, tokenOf }
}

describe('a link to a file', () => {
  test('leads to its entry, also when a mail program changed the case of its letters', async () => {
    const { deps, submission, tokenOf } = await linked()
    for (const index of [0, 1]) {
      const opened = await openFileLink(deps, tokenOf(index))
      expect(opened).toMatchObject({ kind: 'found', entry: entries[index], submission: { id: submission.id } })
      expect(await openFileLink(deps, tokenOf(index).toUpperCase())).toMatchObject({ kind: 'found' })
    }
  })

  test('ends after limits.linkDays, and says so', async () => {
    const { deps, tokenOf, until } = await linked()
    const token = tokenOf(1)
    deps.clock.advance(until - deps.clock.now() - 1)
    expect(await openFileLink(deps, token)).toMatchObject({ kind: 'found' })
    deps.clock.advance(1)
    expect(await openFileLink(deps, token)).toEqual({ kind: 'expired', language: 'ja' })
  })

  test('can’t be lengthened, led elsewhere or guessed: every change of it is no link', async () => {
    const { deps, tokenOf } = await linked()
    const token = tokenOf(1)
    const [reference, , end, code] = token.split('-')
    for (const forged of [
      `${reference}-0-${end}-${code}`,
      `${reference}-1-${(Number.parseInt(end as string, 36) + 1).toString(36)}-${code}`,
      `kd4mr7wc4-1-${end}-${code}`,
      token.slice(0, -1),
      `${token}a`,
      '',
      '../../etc/passwd',
    ]) {
      expect(await openFileLink(deps, forged), forged).toEqual({ kind: 'none' })
    }
    await fc.assert(
      fc.asyncProperty(fc.nat(token.length - 1), fc.constantFrom(...'abc234-'), async (at, char) => {
        fc.pre(token[at] !== char)
        const changed = token.slice(0, at) + char + token.slice(at + 1)
        expect(await openFileLink(deps, changed)).toEqual({ kind: 'none' })
      }),
      { numRuns: 200 },
    )
  })

  test('to an entry that is not there leads nowhere', async () => {
    const { deps, tokenOf } = await linked()
    expect(await openFileLink(deps, tokenOf(7))).toEqual({ kind: 'none' })
  })
})

describe('what a mail carries', () => {
  const upload = (size: number, fileName = 'a.pdf'): Entry => ({
    kind: 'file',
    name: 'doc',
    file: { blob: 'b', fileName, type: '', size, hash: 'h' },
  })

  test('is what fits together, counted in base64; the rest is linked', () => {
    const room = travelBytes(300) + travelBytes(100)
    const { attached, linked: links } = enclose([upload(300), upload(103), upload(100), upload(0)], room)
    expect(attached.map(({ index }) => index)).toEqual([0, 2, 3])
    expect(links.map(({ index }) => index)).toEqual([1])
  })

  test('never is a program, however small', () => {
    const { attached, linked: links } = enclose([upload(1, 'a.exe'), upload(1)], 1000)
    expect(attached.map(({ index }) => index)).toEqual([1])
    expect(links).toMatchObject([{ index: 0, risk: 'program' }])
  })

  test('travels as large as base64 with its line ends makes it', () => {
    for (const size of [0, 1, 2, 3, 56, 57, 58, 1000])
      expect(travelBytes(size)).toBe(
        (
          Buffer.alloc(size)
            .toString('base64')
            .match(/.{1,76}/g) ?? []
        ).join('\r\n').length + (size === 0 ? 0 : 2),
      )
  })
})
