// Marks in one map under one lock, served by net/http on a unix socket.
package main

import (
	"encoding/json"
	"log"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
)

var (
	mu    sync.RWMutex
	store = map[string]map[string]any{}
)

func send(w http.ResponseWriter, status int, text []byte, err error) {
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(text)))
	w.WriteHeader(status)
	w.Write(text)
}

func answer(w http.ResponseWriter, status int, body any) {
	text, err := json.Marshal(body)
	send(w, status, text, err)
}

func fail(w http.ResponseWriter, status int, sentence string) {
	answer(w, status, map[string]string{"error": sentence})
}

func getStore(w http.ResponseWriter) {
	mu.RLock()
	text, err := json.Marshal(store)
	mu.RUnlock()
	send(w, http.StatusOK, text, err)
}

func getRecord(w http.ResponseWriter, collection, record string) {
	mu.RLock()
	value, found := store[collection][record]
	mu.RUnlock()
	if !found {
		fail(w, http.StatusNotFound, "Not found")
		return
	}
	answer(w, http.StatusOK, map[string]any{"res": value})
}

func putRecord(w http.ResponseWriter, r *http.Request, collection, record string) {
	var body struct{ New any }
	if json.NewDecoder(r.Body).Decode(&body) != nil {
		fail(w, http.StatusBadRequest, "Bad request")
		return
	}
	mu.Lock()
	records, found := store[collection]
	if found {
		records[record] = body.New
	}
	mu.Unlock()
	if !found {
		fail(w, http.StatusNotFound, "Collection not found")
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func postCollection(w http.ResponseWriter, r *http.Request, collection string) {
	var records map[string]any
	if json.NewDecoder(r.Body).Decode(&records) != nil {
		fail(w, http.StatusBadRequest, "Bad request")
		return
	}
	mu.Lock()
	_, exists := store[collection]
	if !exists {
		store[collection] = records
	}
	mu.Unlock()
	if exists {
		fail(w, http.StatusConflict, "Collection already exists")
		return
	}
	answer(w, http.StatusCreated, map[string]string{"message": "Collection created"})
}

func serve(w http.ResponseWriter, r *http.Request) {
	part := strings.Split(r.URL.Path, "/")[2:]
	switch {
	case r.Method == http.MethodGet && len(part) == 0:
		getStore(w)
	case r.Method == http.MethodGet && len(part) == 2:
		getRecord(w, part[0], part[1])
	case r.Method == http.MethodPut && len(part) == 2:
		putRecord(w, r, part[0], part[1])
	case r.Method == http.MethodPost && len(part) == 1:
		postCollection(w, r, part[0])
	default:
		fail(w, http.StatusNotFound, "Not found")
	}
}

func main() {
	listener, err := net.Listen("unix", os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	http.HandleFunc("/json", serve)
	http.HandleFunc("/json/", serve)
	log.Fatal(http.Serve(listener, nil))
}
