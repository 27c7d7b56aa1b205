import { captureTransport } from '../../src/adapters/capture/transport.ts'
import { randomIds } from '../../src/adapters/node/ids.ts'
import { manualClock } from '../fakes/manual-clock.ts'
import { memoryStores } from '../fakes/memory-stores.ts'
import { smtpRig } from '../fakes/smtp-rig.ts'
import { testTransport } from './transport.ts'

testTransport('smtp', async () => {
  const { transport, clock, server } = await smtpRig()
  return { transport, clock, arrived: () => server.mails.length }
})

testTransport('capture', async () => {
  const { mailbox } = memoryStores()
  const clock = manualClock()
  const transport = captureTransport({ mailbox, clock, ids: randomIds() })
  return { transport, clock, arrived: async () => (await mailbox.list({ limit: 10 })).items.length }
})
