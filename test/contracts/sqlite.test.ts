import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openSqliteStores } from '../../src/adapters/sqlite/stores.ts'
import { testAbuseStores } from './abuse-stores.ts'
import { testFormStore } from './form-store.ts'
import { testMessageStore } from './message-store.ts'
import { testSmallStores } from './small-stores.ts'
import { testSubmissionStore } from './submission-store.ts'

const open = () => openSqliteStores({ file: join(mkdtempSync(join(tmpdir(), 'todoku-sqlite-')), 'todoku.db') })

testFormStore('sqlite', () => open().forms)
testSubmissionStore('sqlite', open)
testMessageStore('sqlite', open)
testSmallStores('sqlite', open)
testAbuseStores('sqlite', open)
