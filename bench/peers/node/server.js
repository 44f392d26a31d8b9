// Marks in one object of one process, served by Node's http module on a unix
// socket.
"use strict";

const http = require("node:http");

const store = Object.create(null);

function answer(response, status, body) {
  const text = body === undefined ? "" : JSON.stringify(body);
  const headers = body === undefined ? {} : {
    "Content-Type": "application/json",
    "Content-Length": Buffer.byteLength(text),
  };
  response.writeHead(status, headers);
  response.end(text);
}

function read(response, collection, record) {
  if (collection === undefined)
    return answer(response, 200, store);
  const value = store[collection]?.[record];
  if (value === undefined)
    return answer(response, 404, { error: "Not found" });
  answer(response, 200, { res: value });
}

function post(response, collection, body) {
  if (collection in store)
    return answer(response, 409, { error: "Collection already exists" });
  store[collection] = Object.assign(Object.create(null), body);
  answer(response, 201, { message: "Collection created" });
}

function put(response, collection, record, body) {
  if (!(collection in store))
    return answer(response, 404, { error: "Collection not found" });
  store[collection][record] = body.new;
  answer(response, 204);
}

const server = http.createServer((request, response) => {
  const [, , collection, record] = request.url.split("/").map(decodeURIComponent);
  if (request.method === "GET")
    return read(response, collection, record);
  const chunks = [];
  request.on("data", (chunk) => chunks.push(chunk));
  request.on("end", () => {
    const body = JSON.parse(Buffer.concat(chunks).toString());
    if (request.method === "POST")
      post(response, collection, body);
    else
      put(response, collection, record, body);
  });
});
server.keepAliveTimeout = 3600 * 1000;
server.listen({ path: process.argv[2], backlog: 4096 });
