// Starts the Chromium of Debian for a script. The script reads its input as JSON from
// standard input and writes its findings to standard output.
import { readFileSync } from 'node:fs'
import { chromium } from 'playwright-core'

export const given = JSON.parse(readFileSync(0, 'utf8'))

// run calls body with a browser and prints what body returns. The flags keep Chromium
// from calling servers of its maker. Playwright switches the back-forward cache off by
// default; people have it, so it stays on here.
export async function run (body) {
  const browser = await chromium.launch({
    executablePath: given.chromium,
    chromiumSandbox: process.getuid?.() !== 0, // Chromium has none for root
    ignoreDefaultArgs: ['--disable-back-forward-cache'],
    args: [
      '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
      '--disable-component-update', '--disable-sync'
    ]
  })
  try {
    process.stdout.write(JSON.stringify(await body(browser) ?? null))
  } finally {
    await browser.close()
  }
}
