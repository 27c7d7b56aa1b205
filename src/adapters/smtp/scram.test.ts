import { expect, test } from 'vitest'
import { canScram, scramSha256 } from './scram.ts'

// The exchange of RFC 7677 §3.
const login = { user: 'user', password: 'pencil' }
const nonce = 'rOprNGfwEbeRWgbNEkqO'
const serverFirst = 'r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096'
const serverFinal = 'v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4='

test('the example of RFC 7677 comes out as printed there', async () => {
  const scram = scramSha256(login, nonce)
  expect(scram.initial).toBe('n,,n=user,r=rOprNGfwEbeRWgbNEkqO')
  expect(await scram.next(serverFirst)).toBe(
    'c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=',
  )
  expect(scram.satisfied).toBe(false)
  expect(await scram.next(serverFinal)).toBe('')
  expect(scram.satisfied).toBe(true)
})

test.each([
  ['another signature', 'v=7rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4='],
  ['no signature', ''],
  ['an error', 'e=invalid-proof'],
])('a server with %s is not believed', async (_, final) => {
  const scram = scramSha256(login, nonce)
  await scram.next(serverFirst)
  expect(await scram.next(final)).toBeNull()
  expect(scram.satisfied).toBe(false)
})

test.each([
  ['does not continue our nonce', serverFirst.replace('rOpr', 'xOpr')],
  ['adds nothing to our nonce', `r=${nonce},s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096`],
  ['wants few rounds', serverFirst.replace('i=4096', 'i=1')],
  ['wants so many rounds that a thread would be busy for minutes', serverFirst.replace('i=4096', 'i=2000000000')],
  ['wants no number of rounds', serverFirst.replace('i=4096', 'i=many')],
  ['has no salt', serverFirst.replace(/s=[^,]*/, 's=')],
  ['demands an extension', `m=ext,${serverFirst}`],
  ['says nothing', ''],
])('a server that %s gets no proof', async (_, first) => {
  const scram = scramSha256(login, nonce)
  expect(await scram.next(first)).toBeNull()
  expect(scram.satisfied).toBe(false)
})

test('commas and equals signs in the name are escaped', () => {
  expect(scramSha256({ user: 'a=b,c', password: 'x' }, 'n').initial).toBe('n,,n=a=3Db=2Cc,r=n')
})

test('names and passwords beyond printable ASCII go by another mechanism', () => {
  expect(canScram(login)).toBe(true)
  expect(canScram({ user: 'user', password: 'パスワード' })).toBe(false)
  expect(canScram({ user: 'usér', password: 'pencil' })).toBe(false)
})
