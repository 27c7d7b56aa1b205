import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { folderBlobs } from '../../src/adapters/filesystem/blobs.ts'
import { testBlobStore } from './blob-store.ts'

testBlobStore('filesystem', () => folderBlobs(mkdtempSync(join(tmpdir(), 'todoku-blobs-'))))
