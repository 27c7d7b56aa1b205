import { memoryBlobs, memoryStores } from '../fakes/memory-stores.ts'
import { testAbuseStores } from './abuse-stores.ts'
import { testBlobStore } from './blob-store.ts'
import { testFormStore } from './form-store.ts'
import { testMessageStore } from './message-store.ts'
import { testSmallStores } from './small-stores.ts'
import { testSubmissionStore } from './submission-store.ts'

testFormStore('memory', () => memoryStores().forms)
testSubmissionStore('memory', memoryStores)
testMessageStore('memory', memoryStores)
testSmallStores('memory', memoryStores)
testAbuseStores('memory', memoryStores)
testBlobStore('memory', memoryBlobs)
