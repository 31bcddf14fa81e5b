// ONNX Runtime's side of tools/bench: forward passes in a process of its own.
//     ORT=FOLDER node with_onnx_runtime.js MODEL.onnx INPUT.npy BATCH THREADS SECONDS RESULT.npy
// FOLDER has node_modules/onnxruntime-node. SECONDS 0: one pass, whose result is written, and no more, as a cold start is
// measured. Prints {"ms": [...]}, times of the passes behind the first.
const fs = require('fs');
const ort = require(process.env.ORT + '/node_modules/onnxruntime-node');
const [model, input, batch, threads, seconds, result] = process.argv.slice(2);
const LEAST_RUNS = 3;

function readNumbers(path) {
  const file = fs.readFileSync(path);
  const begin = 10 + file.readUInt16LE(8);
  const shape = file.toString('latin1', 10, begin).match(/\(([^)]*)\)/)[1].split(',').filter(s => s.trim()).map(Number);
  return {shape, values: new Float32Array(file.buffer.slice(file.byteOffset + begin, file.byteOffset + file.length))};
}

function writeNumbers(path, shape, values) {
  let header = `{'descr': '<f4', 'fortran_order': False, 'shape': (${shape.join(', ')},), }`;
  header = header.padEnd(Math.ceil((header.length + 11) / 64) * 64 - 11) + '\n';
  const start = Buffer.from('\x93NUMPY\x01\x00\x00\x00', 'latin1');
  start.writeUInt16LE(header.length, 8);
  fs.writeFileSync(path, Buffer.concat([start, Buffer.from(header), Buffer.from(values.buffer, values.byteOffset, values.byteLength)]));
}

function repeated(image, times) {
  const values = new Float32Array(image.values.length * times);
  for (let i = 0; i < times; i++) values.set(image.values, i * image.values.length);
  return new ort.Tensor('float32', values, [image.shape[0] * times, ...image.shape.slice(1)]);
}

(async () => {
  const session = await ort.InferenceSession.create(model, {
    intraOpNumThreads: +threads, interOpNumThreads: 1, graphOptimizationLevel: 'all', executionMode: 'sequential',
    logSeverityLevel: 3});
  const image = readNumbers(input);
  const feeds = {[session.inputNames[0]]: repeated(image, batch / image.shape[0])};
  const made = (await session.run(feeds))[session.outputNames[0]];
  if (+seconds === 0) writeNumbers(result, made.dims, made.data);
  const times = [], started = process.hrtime.bigint();
  while (+seconds > 0 && (times.length < LEAST_RUNS || Number(process.hrtime.bigint() - started) < seconds * 1e9)) {
    const before = process.hrtime.bigint();
    await session.run(feeds);
    times.push(Number(process.hrtime.bigint() - before) / 1e6);
  }
  console.log(JSON.stringify({ms: times}));
})();
