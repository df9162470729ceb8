/** @module A secret on standard input. */

/** Longer lines are cut: no password is longer. */
const MAX_LINE_LENGTH = 4_096

/** Reads the first line of a stream, without its end; no more of the stream than that. */
export async function readFirstLine(input: AsyncIterable<string | Buffer>): Promise<string> {
  let text = ''
  for await (const chunk of input) {
    text += chunk
    if (text.includes('\n') || text.length > MAX_LINE_LENGTH) break
  }
  return text.slice(0, MAX_LINE_LENGTH).split(/\r?\n/, 1)[0] ?? ''
}
