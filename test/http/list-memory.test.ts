import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, test } from 'vitest'
import type { TextPage } from '../../api/store/store.ts'
import { CONFIG_MAPS, openDoor } from './door.ts'

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

test('a list that waits for its reader holds nothing that it handed out', async () => {
  const pages: WeakRef<TextPage>[] = []
  const door = await openDoor({
    store: (store) => ({
      ...store,
      listText({ resource }) {
        const name = `cm-${pages.length}`
        const page = {
          revision: 1,
          text: `{"metadata":{"name":"${name}"}}`,
          next: { resource, namespace: 'default', name },
        }
        pages.push(new WeakRef(page))
        return Promise.resolve(page)
      },
    }),
  })
  const { body } = await door.raw('GET', CONFIG_MAPS)
  const reader = body!.getReader()
  for (let read = 0; read < 5; read++) await reader.read()
  // What a WeakRef was made of in this turn lives until its end.
  await new Promise(setImmediate)
  collectGarbage()
  expect(pages.map((page) => page.deref())).toEqual([undefined, undefined, undefined, undefined, undefined])
  await reader.cancel()
})
