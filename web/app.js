/*
 * The gradebook page.  A value stays the JSON text that it came as: JSON.parse,
 * which rounds numbers, is asked only for strings and for whether a text is
 * JSON.  All of it is shown by textContent.
 */
'use strict';

const PAGE = 50; /* records shown at first, and more by each "Show more" */
const POLL_MS = 30000;
const TIMEOUT_MS = 30000;

/* ---- JSON text, in the compact form that the responder writes ---- */

/*
 * The end of the string that begins at i: a quote behind an even number of
 * backslashes.
 */
function stringEnd(s, i) {
	for (;;) {
		i = s.indexOf('"', i + 1);
		let back = i;
		while (s[back - 1] === '\\')
			back--;
		if ((i - back) % 2 === 0)
			return i + 1;
	}
}

function valueEnd(s, i) {
	const mark = /["{}[\],]/g;
	for (let depth = 0; ; i = mark.lastIndex) {
		mark.lastIndex = i;
		const at = mark.exec(s).index;
		if (s[at] === '"')
			mark.lastIndex = stringEnd(s, at);
		else if (s[at] === '{' || s[at] === '[')
			depth++;
		else if (depth === 0)
			return at;
		else if (s[at] !== ',')
			depth--;
	}
}

/* The members of an object: [name, JSON text]. */
function* members(s) {
	for (let i = 1; s[i] === '"';) {
		const colon = stringEnd(s, i);
		const end = valueEnd(s, colon + 1);
		yield [JSON.parse(s.slice(i, colon)), s.slice(colon + 1, end)];
		i = end + 1;
	}
}

const result = (s) => members(s).next().value[1]; /* of {"res": ...} */
const compact = (s) => s.replace(/("[^"\\]*(?:\\.[^"\\]*)*")|\s+/g, '$1');
const isText = (json) => json[0] === '"';
const isNumber = (s) => /^-?(0|[1-9]\d*)(\.\d+)?(e[+-]?\d+)?$/i.test(s);

function isJSON(s) {
	try {
		JSON.parse(s);
		return true;
	} catch {
		return false;
	}
}

function typeName(json) {
	return {'"': 'text', '{': 'object', '[': 'list', t: 'true/false', f: 'true/false', n: 'null'}[json[0]] ||
		'number';
}

/* ---- names ---- */

/* By UTF-8 bytes, as the responder has it; JavaScript compares UTF-16. */
function order(a, b) {
	const [x, y] = [a, b].map((s) => new TextEncoder().encode(s));
	let i = 0;
	while (i < x.length && x[i] === y[i])
		i++;
	return (x[i] ?? -1) - (y[i] ?? -1);
}

/*
 * Names that a URL does not carry as they are: a browser would drop "." and
 * "..".
 */
function nameProblem(name) {
	return name === '' ? 'A name is needed.' : name === '.' || name === '..' || name.includes('/') ?
		'A name cannot have a “/”, or be “.” or “..”.' : '';
}

const path = (...names) => ['/json', ...names.map(encodeURIComponent)].join('/');

/* ---- HTTP ---- */

/*
 * Beginnings and ends of writes: a load that saw one of them may show the state
 * before it.
 */
let writes = 0;

/*
 * Throws an Error for people to read, with the HTTP status, or 0 where there
 * was no answer.
 */
async function request(method, url, headers = {}, body = undefined) {
	const fail = (text, status) => Object.assign(new Error(text), {status});
	const changes = method === 'GET' ? 0 : 1;
	let answer, text;
	writes += changes;
	try {
		answer = await fetch(url, {method, body, cache: 'no-store', signal: AbortSignal.timeout(TIMEOUT_MS),
			headers: changes ? {'Content-Type': 'application/json', Prefer: 'return=minimal', ...headers} : headers});
		text = await answer.text();
	} catch (error) {
		throw fail(error.name === 'TimeoutError' ? 'The service did not answer in time. Please try again.' :
			'The service cannot be reached. Please try again.', 0);
	} finally {
		writes += changes;
	}
	/*
	 * A 200 may come from something in between, a login page for example.
	 */
	if (answer.status === 200 && !/^application\/json/.test(answer.headers.get('Content-Type')))
		throw fail('Something else than the service answered. Please try again.', 0);
	if (answer.ok || answer.status === 304)
		return {text, status: answer.status, etag: answer.headers.get('ETag'), link: answer.headers.get('Link')};
	const problem = isJSON(text) ? JSON.parse(text) : {};
	throw fail(problem.detail || problem.title || `The service answered ${answer.status}.`, answer.status);
}

async function readRecord(...names) {
	const {etag, text} = await request('GET', path(...names));
	return {etag, json: result(text)};
}

/* ---- page ---- */

const $ = (selector, within = document) => within.querySelector(selector);
const clone = (id) => $(id).content.firstElementChild.cloneNode(true);
const sorted = (map) => [...map.keys()].sort(order).map((name) => map.get(name));
const sections = new Map();
const editors = new Set();
let toastTimer;

/* The same text again would be read out again. */
function say(within, text, where = '.say') {
	const element = $(where, within);
	if (element.textContent !== text)
		element.textContent = text;
}

function toast(text, undo) {
	$('#toast p').textContent = text;
	$('#toast button').hidden = !undo;
	$('#toast button').onclick = undo;
	clearTimeout(toastTimer);
	if (text && !undo)
		toastTimer = setTimeout(toast, 8000, '');
}

/* One action of a button at a time; meanwhile it keeps the focus. */
function onClick(button, action, label) {
	if (label)
		button.ariaLabel = button.title = label;
	button.addEventListener('click', async () => {
		if (button.ariaBusy === 'true')
			return;
		button.ariaBusy = 'true';
		try {
			await action();
		} finally {
			button.ariaBusy = 'false';
		}
	});
}

/* What is in order already is not moved, and so keeps the focus. */
function arrange(parent, wanted) {
	let at = parent.firstElementChild;
	for (const element of wanted) {
		if (element === at)
			at = at.nextElementSibling;
		else
			parent.insertBefore(element, at);
	}
}

/*
 * Text is shown plainly; other JSON, and text that could be taken for it, with
 * its type.
 */
function showValue(within, json) {
	const text = isText(json) ? JSON.parse(json) : json;
	$('.value', within).textContent = text;
	$('.value', within).classList.toggle('raw', !isText(json));
	$('.tag', within).textContent = text === '' ? 'empty text' : isJSON(text) ? typeName(json) : '';
}

/*
 * The form for one value.  `etag` is what its saving depends on; null: that
 * there is no such record.  After a 412 it is that of what is stored now, so
 * that saving again is a choice made in sight of it.
 */
class Editor {
	constructor(section, {name = null, json = '""', etag = null, saved, closed}) {
		Object.assign(this, {section, name, etag, saved, closed, el: clone('#t-editor')});
		this.area = $('textarea', this.el);
		this.kind = $('select', this.el);
		this.nameInput = $('input', this.el);
		this.button = $('.main', this.el);
		$('.f-name', this.el).hidden = name !== null;
		$('.title', this.el).textContent = name ?? 'New record';
		/*
		 * A textarea makes LF of CR, and does not show control
		 * characters: these are edited as JSON.
		 */
		const text = isText(json) ? JSON.parse(json) : json;
		const plain = isText(json) && !/[\0-\x08\x0b-\x1f\x7f-\x9f\p{Cs}]/u.test(text);
		this.kind.value = this.oldKind = plain ? 'text' : isNumber(json) ? 'number' : 'json';
		this.area.value = this.oldText = plain ? text : json;
		this.settle();
		this.hint();
		this.el.addEventListener('submit', (event) => {
			event.preventDefault();
			this.save();
		});
		this.el.addEventListener('keydown', (event) => this.key(event));
		this.el.addEventListener('input', () => this.hint());
		this.nameInput.addEventListener('input', () => this.settle(null));
		$('.cancel', this.el).addEventListener('click', () => this.close());
		editors.add(this);
	}

	get dirty() {
		return this.nameInput.value !== '' || this.area.value !== this.oldText ||
			(this.name !== null && this.kind.value !== this.oldKind);
	}

	get valid() {
		const text = this.area.value.trim();
		return {text: () => true, number: isNumber, json: isJSON}[this.kind.value](text);
	}

	get json() {
		return this.kind.value === 'text' ? JSON.stringify(this.area.value) : compact(this.area.value);
	}

	hint() {
		const text = this.area.value;
		const kind = this.kind.value;
		say(this.el, !this.valid ? (kind === 'number' ?
			'Not a number yet; decimals follow a point.' : 'Not JSON yet; text in it is in "quotes".') :
			`Will be stored as ${typeName(this.json)}${kind !== 'text' ? ', every digit as typed' :
				isJSON(text) ? `, not as ${typeName(text.trim())}` : ''}.`, '.hint');
		this.area.classList.toggle('raw', kind !== 'text');
		this.area.rows = Math.min(12, Math.max(text.split('\n').length, Math.ceil(text.length / 60)));
	}

	key(event) {
		if (event.key === 'Escape' && !event.isComposing && event.target !== this.kind) {
			this.close();
		} else if (event.key === 'Enter' && !event.shiftKey && !event.isComposing && event.target === this.area) {
			event.preventDefault();
			this.save();
		}
	}

	async save() {
		const name = this.name ?? this.nameInput.value.trim();
		const badName = this.name === null ? nameProblem(name) : '';
		const problem = badName || (this.valid ? '' : 'Please correct the value, or store it as text.');
		const json = this.json;
		if (this.busy)
			return;
		say(this.el, problem);
		this.nameInput.ariaInvalid = String(badName !== '');
		this.area.ariaInvalid = String(!this.valid);
		if (problem)
			return (badName ? this.nameInput : this.area).focus();
		if (this.etag && !this.dirty && !this.inConflict)
			return this.close();
		this.busy = true;
		this.button.ariaBusy = 'true';
		try {
			await request('PUT', path(this.section.name, name),
				this.etag ? {'If-Match': this.etag} : {'If-None-Match': '*'}, `{"new":${json}}`);
			this.removed = false;
			this.saved(name, json);
		} catch (failure) {
			if (failure.status === 412)
				await this.conflict(name, json);
			else
				say(this.el, failure.message);
		}
		this.busy = false;
		this.button.ariaBusy = 'false';
	}

	async conflict(name, json) {
		const box = $('.conflict', this.el);
		let now = null;
		try {
			now = await readRecord(this.section.name, name);
		} catch (failure) {
			if (failure.status !== 404)
				return say(this.el, `Not saved: someone else changed this record. ${failure.message}`);
		}
		/* Ours: the answer to an earlier try was lost. */
		if (now?.json === json)
			return this.saved(name, json);
		this.settle(now?.etag ?? null);
		this.inConflict = true;
		this.removed = !now;
		if (now) {
			showValue(box, now.json);
			this.section.put(name, now.json);
		}
		$('p', box).textContent = `Not saved: ${!now ? 'someone else has removed this record' :
			this.name === null ? 'there is a record of this name already' :
			'someone else has changed this record'}. What you typed is still here.`;
		$('.theirs', box).hidden = !now;
		this.button.textContent = 'Save mine instead';
		$('.cancel', this.el).textContent = 'Discard mine';
		box.hidden = false;
		/*
		 * Off the field, so that a second Enter does not overwrite what
		 * has not been read.
		 */
		box.focus();
	}

	/* Back to the state without a conflict. */
	settle(etag = this.etag) {
		this.etag = etag;
		this.inConflict = this.removed = false;
		$('.conflict', this.el).hidden = true;
		this.button.textContent = this.name === null ? 'Add' : 'Save';
		$('.cancel', this.el).textContent = 'Cancel';
	}

	close() {
		editors.delete(this);
		this.el.remove();
		this.closed(this.removed);
	}
}

class Row {
	constructor(section, name) {
		Object.assign(this, {section, name, el: clone('#t-row')});
		$('th', this.el).textContent = name;
		onClick($('.edit', this.el), () => this.edit(), `Edit ${name}`);
		onClick($('.remove', this.el), () => this.remove(), `Remove ${name}`);
	}

	set(json) {
		if (json !== this.json)
			showValue(this.el, json);
		this.json = json;
	}

	/*
	 * The record as it is now; undefined where it cannot be had, which is
	 * then said.
	 */
	async fresh() {
		say(this.el, '');
		try {
			return await readRecord(this.section.name, this.name);
		} catch (failure) {
			this.failed(failure);
		}
	}

	failed(failure) {
		if (failure.status !== 404)
			return say(this.el, failure.status === 412 ? 'Not removed: someone else has changed it.' : failure.message);
		this.section.drop(this.name);
		toast(failure.message);
	}

	async edit() {
		const now = await this.fresh();
		if (!now)
			return;
		const cell = document.createElement('td');
		const shut = () => {
			this.editor = null;
			this.el.classList.remove('editing');
			cell.remove();
			$('.edit', this.el).focus();
		};
		this.editor = new Editor(this.section, {name: this.name, ...now,
			saved: (name, json) => {
				this.editor.close();
				this.section.put(name, json);
				toast(`Saved “${name}”.`);
			},
			closed: (removed) => {
				shut();
				if (removed)
					this.section.drop(this.name);
			}});
		if (now.json !== this.json)
			say(this.editor.el, 'Someone else has changed this since it was loaded. Here is the value now.');
		this.set(now.json);
		cell.colSpan = 3;
		cell.append(this.editor.el);
		this.el.classList.add('editing');
		this.el.append(cell);
		this.editor.area.select();
	}

	async remove() {
		const {section, name, json} = this;
		const now = await this.fresh();
		if (!now)
			return;
		this.set(now.json);
		if (now.json !== json)
			return say(this.el, 'Not removed: someone else has changed it. Here is the value now.');
		try {
			await request('DELETE', path(section.name, name), {'If-Match': now.etag});
			section.drop(name);
			toast(`Removed “${name}”.`, () => section.restore(name, json));
		} catch (failure) {
			this.failed(failure);
		}
	}
}

let made = 0;

class Section {
	constructor(name) {
		Object.assign(this, {name, rows: new Map(), paged: 0, el: clone('#t-section'), link: clone('#t-link')});
		const title = $('h2', this.el);
		this.el.id = `c${++made}`;
		title.id = `t${made}`;
		title.textContent = name;
		$('a', this.link).textContent = name;
		$('a', this.link).href = `#${this.el.id}`;
		this.el.setAttribute('aria-labelledby', title.id);
		$('table', this.el).setAttribute('aria-labelledby', title.id);
		onClick($('.drop', this.el), () => this.ask(), `Remove the collection ${name}`);
		onClick($('.danger', this.el), () => this.removeAll());
		onClick($('.keep', this.el), () => this.keep());
		onClick($('.more', this.el), () => this.more());
		onClick($('.add', this.el), () => this.add(), `Add a record to ${name}`);
		$('.confirm', this.el).addEventListener('keydown', (event) => event.key === 'Escape' && this.keep());
	}

	get shown() {
		return Math.max(PAGE, this.paged);
	}

	/*
	 * Takes the first of the `count` records that the collection has now.
	 * An open editor outlives its record, and a row beyond the last of
	 * these stays.
	 */
	update(records, count) {
		const names = new Set(records.map(([name]) => name));
		this.cursor = records.length < count ? records.at(-1)[0] : null;
		for (const [name, row] of this.rows) {
			if (names.has(name) || row.editor || (this.cursor !== null && order(name, this.cursor) > 0))
				continue;
			this.rows.delete(name);
			row.el.remove();
		}
		this.paged = records.length;
		this.count = count;
		this.fill(records);
	}

	fill(records) {
		for (const [name, json] of records) {
			if (!this.rows.has(name))
				this.rows.set(name, new Row(this, name));
			this.rows.get(name).set(json);
		}
		this.refresh();
	}

	refresh() {
		const {size} = this.rows;
		arrange($('tbody', this.el), sorted(this.rows).map((row) => row.el));
		this.count = Math.max(this.count, size);
		$('.count', this.el).textContent = this.count === 1 ? '1 record' : `${this.count} records`;
		$('table', this.el).hidden = size === 0;
		$('.none', this.el).hidden = size !== 0;
		$('.more', this.el).hidden = this.cursor === null;
		$('.more', this.el).textContent = `Show more (${size} of ${this.count} shown)`;
		$('span', this.link).textContent = this.count;
	}

	put(name, json) {
		if (!this.rows.has(name))
			this.count++;
		this.fill([[name, json]]);
	}

	drop(name) {
		const {el} = this.rows.get(name);
		const next = el.nextElementSibling || el.previousElementSibling;
		el.remove();
		this.rows.delete(name);
		this.count--;
		this.refresh();
		$(next ? '.edit' : '.add', next || this.el).focus();
	}

	async restore(name, json) {
		try {
			await request('PUT', path(this.name, name), {'If-None-Match': '*'}, `{"new":${json}}`);
			this.put(name, json);
			toast(`“${name}” is back.`);
			$('.edit', this.rows.get(name).el).focus();
		} catch (failure) {
			toast(`“${name}” is not back. ${failure.message}`, () => this.restore(name, json));
		}
	}

	/* The form stays open for the next record. */
	add() {
		const button = $('.add', this.el);
		const editor = new Editor(this, {
			saved: (name, json) => {
				this.put(name, json);
				toast(`Added “${name}” to ${this.name}.`);
				editor.nameInput.value = editor.area.value = '';
				editor.settle(null);
				editor.hint();
				editor.nameInput.focus();
			},
			closed: () => {
				button.hidden = false;
				button.focus();
			}});
		button.hidden = true;
		$('.foot', this.el).append(editor.el);
		editor.nameInput.focus();
	}

	async more() {
		say(this.el, '');
		try {
			const {link, text} = await request('GET',
				`${path(this.name)}?limit=${PAGE}&after=${encodeURIComponent(this.cursor)}`);
			const records = [...members(result(text))];
			this.paged += records.length;
			this.cursor = link?.includes('rel="next"') ? records.at(-1)[0] : null;
			this.fill(records);
			if (records.length)
				$('.edit', this.rows.get(records[0][0]).el).focus();
		} catch (failure) {
			say(this.el, failure.message);
		}
	}

	/*
	 * Reads all of it, so that what is confirmed is what the ETag stands
	 * for.
	 */
	async ask() {
		say(this.el, '');
		try {
			const {etag, text} = await request('GET', path(this.name));
			const records = [...members(result(text))];
			this.etag = etag;
			this.update(records.slice(0, this.shown), records.length);
			$('.confirm p', this.el).textContent =
				`Remove “${this.name}” with ${$('.count', this.el).textContent}? This cannot be undone.`;
			$('.confirm', this.el).hidden = false;
			$('.keep', this.el).focus();
		} catch (failure) {
			this.failed(failure);
		}
	}

	keep() {
		$('.confirm', this.el).hidden = true;
		$('.drop', this.el).focus();
	}

	async removeAll() {
		try {
			await request('DELETE', path(this.name), {'If-Match': this.etag});
			this.gone();
			showPage();
			toast(`Removed the collection “${this.name}”.`);
			$('#new-name').focus();
		} catch (failure) {
			this.failed(failure);
		}
	}

	failed(failure) {
		this.keep();
		say(this.el, failure.status === 412 ? 'Not removed: someone else has changed this collection.' : failure.message);
		toast(failure.status === 404 ? failure.message : '');
		load();
	}

	gone() {
		sections.delete(this.name);
		for (const editor of editors)
			if (editor.section === this)
				editors.delete(editor);
		this.el.remove();
		this.link.remove();
	}
}

/* What depends on which collections there are. */
function showPage() {
	const all = sorted(sections);
	arrange($('#collections'), all.map((section) => section.el));
	$('#empty').hidden = all.length > 0;
	$('nav').hidden = all.length === 0;
	arrange($('nav ul'), all.map((section) => section.link));
}

/* ---- the whole store ---- */

let storeTag = null;
let loading = false;

function showStore(text) {
	const names = new Set();
	for (const [name, json] of members(text)) {
		const section = sections.get(name) || new Section(name);
		const records = [];
		let count = 0;
		for (const record of members(json))
			if (count++ < section.shown)
				records.push(record);
		sections.set(name, section);
		names.add(name);
		section.update(records, count);
	}
	for (const [name, section] of sections) {
		if (names.has(name))
			continue;
		if ([...editors].some((editor) => editor.section === section && editor.dirty))
			say(section.el, 'Someone else has removed this collection. What you typed is kept until you reload.');
		else
			section.gone();
	}
	showPage();
}

async function load() {
	const before = writes;
	if (loading)
		return;
	loading = true;
	try {
		const {status, etag, text} = await request('GET', '/json', storeTag ? {'If-None-Match': storeTag} : {});
		$('#banner').hidden = true;
		$('#new').hidden = false;
		$('#updated').textContent = `As of ${new Date().toLocaleTimeString([], {timeStyle: 'short'})}`;
		if (before !== writes) {
			setTimeout(load, 100);
		} else if (status !== 304) {
			showStore(text);
			storeTag = etag;
		}
	} catch (failure) {
		say($('#banner'), failure.message, 'p');
		$('#banner').hidden = false;
	}
	loading = false;
	$('#loading').hidden = true;
}

async function addCollection() {
	const input = $('#new-name');
	const name = input.value.trim();
	const problem = nameProblem(name);
	say($('#new'), problem);
	input.ariaInvalid = String(problem !== '');
	if (problem)
		return input.focus();
	try {
		await request('POST', path(name), {}, '{}');
		const section = new Section(name);
		sections.set(name, section);
		section.update([], 0);
		showPage();
		input.value = '';
		toast(`Added the collection “${name}”.`);
		section.add();
	} catch (failure) {
		say($('#new'), failure.message);
		load();
	}
}

$('#new').addEventListener('submit', (event) => {
	event.preventDefault();
	addCollection();
});
onClick($('#reload'), load);
onClick($('#banner button'), load);
setInterval(() => document.hidden || load(), POLL_MS);
document.addEventListener('visibilitychange', () => document.hidden || load());
window.addEventListener('beforeunload', (event) => {
	if ([...editors].some((editor) => editor.dirty))
		event.preventDefault();
});
load();
