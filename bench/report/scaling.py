"""How Markbook does as one thing grows: its results as Markdown tables."""

from report.text import about_machine, range_of, table

OPERATIONS = {
    "get": "GET one record",
    "put": "PUT one record, return=minimal",
    "all": "GET the whole store",
}


def operations_of(axis):
    """GET of the whole store says something only where its size changes."""
    return tuple(OPERATIONS) if axis == "records" else ("get", "put")


def to_markdown(results):
    settings = results["settings"]
    base = ", ".join(f"{value:,} {axis}" for axis, value in settings["base"].items())
    blocks = [
        f"Where not said otherwise: {base}; the whole store with "
        f"{settings['whole_store_connections']} connections. {about_machine(results)}"
    ]
    for axis, of_axis in results["axes"].items():
        head = [of_axis["unit"]]
        for operation in operations_of(axis):
            head += [f"{OPERATIONS[operation]}: requests/s (min – max)", "µs of processor"]
        rows = [head]
        for point in of_axis["points"]:
            row = [f"{point['x']:,}"]
            for of_it in point["operations"].values():
                row += [
                    range_of(of_it["requests_per_s"], ",.0f"),
                    f"{of_it['cpu_us']['median']:,.1f}",
                ]
            rows.append(row)
        blocks.append(table(rows))
    return "\n\n".join(blocks) + "\n"
