// What a careful script does today in JavaScript: @fal-ai/client's subscribe behind p-queue, results written as they come.
//
//     SERVICE=localhost:PORT node subscribe.mjs MANIFEST RESULTS AT_ONCE
// Rows whose result is in RESULTS are skipped, so that it can be started again.
import { appendFileSync, readFileSync } from "node:fs";
import { createFalClient } from "@fal-ai/client";
import PQueue from "p-queue";

const [manifest, results, atOnce] = process.argv.slice(2);
const endpoint = "fal-ai/kling-video/v2.1/pro/image-to-video";
const fal = createFalClient({
  credentials: "benchmark",
  requestMiddleware: async (request) => {
    const url = new URL(request.url);
    return { ...request, url: `https://${process.env.SERVICE}${url.pathname}${url.search}` };
  },
});

// No cell of these manifests holds a comma or a quote.
const [header, ...lines] = readFileSync(manifest, "utf8").trimEnd().split("\n").map((line) => line.split(","));
appendFileSync(results, "");
const have = new Set(readFileSync(results, "utf8").split("\n").filter(Boolean).map((line) => JSON.parse(line).id));
const rows = lines
  .map((cells) => Object.fromEntries(header.map((name, place) => [name, cells[place]])))
  .filter((row) => !have.has(row.id));

const queue = new PQueue({ concurrency: Number(atOnce) });
let failed = 0;
for (const row of rows) {
  queue.add(async () => {
    try {
      const input = { prompt: row.prompt, image_url: row.image, duration: "5" };
      const { data } = await fal.subscribe(endpoint, { input });
      appendFileSync(results, JSON.stringify({ id: row.id, url: data.video.url }) + "\n");
    } catch (error) {
      if (!failed++) console.error(error);
    }
  });
}
await queue.onIdle();
process.exit(failed ? 1 : 0);
