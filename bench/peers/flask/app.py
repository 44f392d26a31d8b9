"""The application of the paper: marks in one dictionary of one process, served
by Flask.

What a PUT answers grows with the store; a client that asks for return=minimal
gets none of it, as from Markbook.
"""

from flask import Flask, request

app = Flask(__name__)
store = {}


@app.get("/json")
def get_store():
    return store


@app.get("/json/<collection>/<record>")
def get_record(collection, record):
    try:
        return {"res": store[collection][record]}
    except KeyError:
        return {"error": "Not found"}, 404


@app.post("/json/<collection>")
def post_collection(collection):
    if collection in store:
        return {"error": "Collection already exists"}, 409
    store[collection] = request.get_json()
    return {"message": "Collection created"}, 201


@app.put("/json/<collection>/<record>")
def put_record(collection, record):
    if collection not in store:
        return {"error": "Collection not found"}, 404
    store[collection][record] = request.get_json()["new"]
    if request.headers.get("Prefer") == "return=minimal":
        return "", 204
    others = {name: records for name, records in store.items() if name != collection}
    return {"res": store[collection], **others}


@app.delete("/json/<collection>")
def delete_collection(collection):
    if store.pop(collection, None) is None:
        return {"error": "Collection not found"}, 404
    return store
