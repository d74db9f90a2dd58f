// What both scripts need: what they are told, waiting for something heard, and telling what was never called.

import assert from 'node:assert/strict'

export const told = JSON.parse(process.argv[2])

/** The first event that `hear` passes on within half a minute. */
export function heard(hear, what) {
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error(`${what} was not heard`)), 30_000)
    hear((event) => {
      clearTimeout(late)
      resolve(event)
    })
  })
}

/** The same object, and the names of the methods that are called on it. */
export function noted(client) {
  const called = new Set()
  const noting = new Proxy(client, {
    get(target, name) {
      const found = target[name]
      if (typeof found !== 'function') return found
      called.add(name)
      return found.bind(target)
    },
  })
  return [noting, called]
}

export { assert }
