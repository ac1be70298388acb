// Loaded before Azurite (`node --require`): Put Block From URL, which Azurite does not have. The source is read as
// anybody would read it, by the address and the right that the request names, and its bytes become a block as if they
// had been sent. https://learn.microsoft.com/rest/api/storageservices/put-block-from-url
"use strict";

const crypto = require("node:crypto");
const http = require("node:http");
const Module = require("node:module");
const { Readable } = require("node:stream");

const load = Module._load;
const patched = new WeakSet();

Module._load = function (request) {
  const loaded = load.apply(this, arguments);
  if (/(^|\/)BlockBlobHandler$/.test(request) && loaded.default && !patched.has(loaded.default)) {
    patched.add(loaded.default);
    loaded.default.prototype.stageBlockFromURL = stageBlockFromURL;
  }
  return loaded;
};

async function stageBlockFromURL(blockId, contentLength, sourceUrl, options, context) {
  const asked = context.request;
  const { status, body } = await read(sourceUrl, conditions(asked));
  if (status >= 300) {
    const code = status === 412 ? "SourceConditionNotMet" : "CannotVerifyCopySource";
    throw refusal(status, code, `The source answered with the status ${status}.`, context);
  }
  const wanted = asked.getHeader("x-ms-source-content-md5");
  if (wanted && wanted !== crypto.createHash("md5").update(body).digest("base64")) {
    throw refusal(400, "Md5Mismatch", "The MD5 value specified in the request did not match.", context);
  }
  return this.stageBlock(blockId, body.length, Readable.from([body]), { requestId: options.requestId }, context);
}

function conditions(asked) {
  const names = {
    "x-ms-source-range": "Range",
    "x-ms-source-if-match": "If-Match",
    "x-ms-copy-source-authorization": "Authorization",
  };
  const given = Object.entries(names).map(([ours, theirs]) => [theirs, asked.getHeader(ours)]);
  return Object.fromEntries(given.filter(([, value]) => value));
}

// Not by `fetch`, which would unpack what is stored packed.
function read(url, headers) {
  return new Promise((resolve, reject) => {
    http
      .get(url, { headers: { "x-ms-version": "2021-12-02", ...headers } }, (answer) => {
        const chunks = [];
        answer.on("data", (chunk) => chunks.push(chunk));
        answer.on("end", () => resolve({ status: answer.statusCode, body: Buffer.concat(chunks) }));
        answer.on("error", reject);
      })
      .on("error", reject);
  });
}

function refusal(status, code, message, context) {
  const StorageError = process.mainModule.require("./errors/StorageError").default;
  return new StorageError(status, code, message, context.contextId);
}
