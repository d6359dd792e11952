/** Yields the lines of a stream of the app, each when it arrives, as values. An empty line is a heartbeat. */
export async function* linesOf(stream: ReadableStream<Uint8Array<ArrayBuffer>>): AsyncGenerator<any> {
  let rest = "";
  for await (const text of stream.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop()!;
    yield* lines.filter((line) => line !== "").map((line) => JSON.parse(line));
  }
}
