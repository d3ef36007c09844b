// Starts Debian's Chromium for a script. What the script has to know comes as
// JSON on its standard input, what it found goes to its standard output.
import { readFileSync } from 'node:fs'
import { chromium } from 'playwright-core'

export const given = JSON.parse(readFileSync(0, 'utf8'))

// run calls body with a browser and prints what it returns. The flags keep
// Chromium from asking its maker for anything. Playwright switches the
// back-forward cache off; people have it, so it stays on here.
export async function run (body) {
  const browser = await chromium.launch({
    executablePath: given.chromium,
    chromiumSandbox: process.getuid?.() !== 0, // root has none
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
