-- Marks in a dictionary that nginx's workers share: a key is
-- "collection/record", a value the JSON text of the mark.

local cjson = require "cjson"
local records = ngx.shared.records

local function answer(status, text)
	ngx.status = status
	ngx.header["Content-Length"] = #text
	ngx.print(text)
end

local function body()
	ngx.req.read_body()
	return cjson.decode(ngx.req.get_body_data())
end

local function whole_store()
	local parts, last = {}, nil
	local keys = records:get_keys(0)
	table.sort(keys)
	for _, key in ipairs(keys) do
		local collection, record = key:match("^([^/]+)/(.*)$")
		local before = ","
		if collection ~= last then
			before = (last and "}," or "{") .. cjson.encode(collection) .. ":{"
		end
		last = collection
		parts[#parts + 1] = before .. cjson.encode(record) .. ":" .. records:get(key)
	end
	return last and table.concat(parts) .. "}}" or "{}"
end

local key = ngx.var.uri:sub(#"/json/" + 1)
local method = ngx.req.get_method()

if method == "GET" and key == "" then
	answer(200, whole_store())
elseif method == "GET" then
	local value = records:get(key)
	if value then
		answer(200, '{"res":' .. value .. "}")
	else
		answer(404, '{"error":"Not found"}')
	end
elseif method == "PUT" then
	records:set(key, cjson.encode(body()["new"]))
	ngx.exit(204)
elseif method == "POST" then
	for record, value in pairs(body()) do
		records:set(key .. "/" .. record, cjson.encode(value))
	end
	answer(201, '{"message":"Collection created"}')
else
	ngx.exit(405)
end
