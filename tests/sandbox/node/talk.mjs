// fal's own client, led to the sandbox: the hosts change, the paths stay.
import { createFalClient, ValidationError } from "@fal-ai/client";

const sandbox = process.env.SANDBOX;
const endpoint = "fal-ai/kling-video/v2.1/pro/image-to-video";
const fal = createFalClient({
  credentials: "sandbox",
  requestMiddleware: async (request) => {
    const url = new URL(request.url);
    return { ...request, url: `https://${sandbox}${url.pathname}${url.search}` };
  },
});

const image = new Blob(["a picture"], { type: "image/png" });
const image_url = await fal.storage.upload(image);
const uploaded = await (await fetch(image_url)).text();

const states = [];
const { data, requestId } = await fal.subscribe(endpoint, {
  input: { prompt: "a ship", image_url, duration: "5" },
  pollInterval: 50,
  logs: true,
  onQueueUpdate: (update) => states.push(update.status),
});

const streamed = [];
await fal.subscribe(endpoint, {
  input: { prompt: "a ship, streamed", image_url, duration: "5" },
  mode: "streaming",
  onQueueUpdate: (update) => streamed.push(update.status),
});

let refused = [];
const { request_id } = await fal.queue.submit(endpoint, { input: { prompt: "no image", duration: "7" } });
try {
  await fal.queue.result(endpoint, { requestId: request_id });
} catch (error) {
  if (!(error instanceof ValidationError)) throw error;
  refused = error.fieldErrors.map((fault) => fault.loc.at(-1));
}

const { request_id: late } = await fal.queue.submit(endpoint, { input: { prompt: "waits", image_url } });
const { request_id: later } = await fal.queue.submit(endpoint, { input: { prompt: "waits too", image_url } });
await fal.queue.cancel(endpoint, { requestId: later });
const cancelled = (await fal.queue.status(endpoint, { requestId: later })).status;

console.log(JSON.stringify({ uploaded, states, streamed, video: data.video.url, requestId, refused, late, later, cancelled }));
