// Loaded before Azurite (`node --require`): notes every request that changed something in a journal, before the client
// has its answer. Azure's own Event Grid knows the same of each: what was asked, by whom, and what came of it.
"use strict";

const fs = require("node:fs");
const http = require("node:http");

const journal = fs.openSync(process.env.TRADEWIND_JOURNAL, "a");
const reads = new Set(["GET", "HEAD", "OPTIONS"]);
const emit = http.Server.prototype.emit;

http.Server.prototype.emit = function (name, request, response) {
  if (name === "request" && !reads.has(request.method)) {
    // Express rewrites the URL while it routes.
    const asked = request.url;
    const end = response.end;
    let noted = false;
    response.end = function (...args) {
      if (!noted && response.statusCode >= 200 && response.statusCode < 300) {
        fs.writeSync(journal, line(asked, request, response));
      }
      noted = true;
      return end.apply(this, args);
    };
  }
  return emit.apply(this, arguments);
};

function line(asked, request, response) {
  const said = (header) => String(request.headers[header] ?? "");
  const answered = (header) => String(response.getHeader(header) ?? "");
  const entry = {
    time: new Date().toISOString(),
    method: request.method,
    url: asked,
    clientRequestId: said("x-ms-client-request-id"),
    requestId: answered("x-ms-request-id"),
    etag: answered("etag"),
    blobType: said("x-ms-blob-type"),
    contentType: said("x-ms-blob-content-type") || said("content-type"),
    contentLength: said("content-length"),
    copySource: said("x-ms-copy-source"),
  };
  return JSON.stringify(entry) + "\n";
}
