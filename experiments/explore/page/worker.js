// The compute: the harness's own Go in WebAssembly, away from the page's thread. It answers one fragment at a time.
"use strict";

importScripts("wasm_exec.js");

const ready = (async () => {
  const go = new Go();
  const response = await fetch("explore.wasm");
  if (!response.ok) {
    throw new Error(`explore.wasm: ${response.status}`);
  }
  const { instance } = await WebAssembly.instantiate(await response.arrayBuffer(), go.importObject);
  go.run(instance); // which sets its functions and never returns
  postMessage({ kinds: JSON.parse(windtunnelKinds()) });
})().catch((err) => postMessage({ broken: String(err) }));

onmessage = async ({ data }) => {
  await ready;
  const began = performance.now();
  const answer = JSON.parse(windtunnelExplore(data.fragment, data.whole));
  postMessage({ asked: data.fragment, answer, took: performance.now() - began });
};
