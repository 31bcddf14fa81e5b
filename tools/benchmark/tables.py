"""What tools/bench says of its results: lines while it runs, tables behind."""
import re

from sides import TITLES, WORKS

PLACE = re.compile(r'(<!-- tools/bench: (\w+) -->\n).*?(<!-- end -->)', re.DOTALL)


def short(number, digits=2):
    return '' if number is None else f'{number:.{digits}f}'


def milliseconds(number):
    return '' if number is None else f'{number:.3g}' if number < 1000 else f'{number:.0f}'


def print_case(case):
    """One line for each side."""
    where = f'{case.network:16} {WORKS[case.work].title:18} {case.threads} thread{"s" if case.threads > 1 else " "}'
    for tool in case.runs:
        least, median, memory = (case.number(tool, what) for what in ('min', 'median', 'memory'))
        line = f'{where}  {TITLES[tool]:13} min {least:9.2f} ms, median {median:9.2f} ms, {memory:6.0f} MB'
        if tool != 'fovea' and case.ratio(tool):
            line += f'   fovea takes {short(case.ratio(tool))} ({short(case.ratio(tool, "median"))}) of its time'
            line += f', {short(case.ratio(tool, "memory"))} of its memory'
        if tool in case.differences:
            line += f'; results differ by {case.differences[tool]:.1e}'
        print(line, flush=True)
    for tool, why in case.failed.items():
        print(f'{where}  {TITLES[tool]}: {why}', flush=True)


def peer_of(results, work):
    """Beside whom a work is shown: the fastest that does it."""
    for tool in ('against', 'onnxruntime', 'torch'):
        if any(tool in case.runs for case in results.of(work=work)):
            return tool
    return None


def row(*cells):
    return '| ' + ' | '.join(cells) + ' |'


def table(head, rows):
    return [row(*head), row('---', *['---:'] * (len(head) - 1)), *(row(*cells) for cells in rows)]


def ratios(results):
    """fovea's time over the other's: networks in rows, works and threads in columns."""
    lines = [line + '.' for line in results.machine.lines()]
    columns = [(work, threads, peer_of(results, work)) for work in results.distinct('work') for threads in results.distinct('threads')
               if peer_of(results, work)]
    if not columns:
        return lines
    head = ['', *(f'{WORKS[work].title}, {threads}T' for work, threads, _ in columns)]
    rows = []
    for network in results.distinct('network'):
        cases = [results.of(network, work, threads) for work, threads, _ in columns]
        rows.append([network, *(short(found[0].ratio(tool)) if found else '' for found, (_, _, tool) in zip(cases, columns))])
    counts = [results.mean_ratio(tool, 'min', work=work, threads=threads)[1] for work, threads, tool in columns]
    rows.append(['networks', *(str(count) if count else '' for count in counts)])
    for title, what in (('**geometric mean**', 'min'), ('of the medians', 'median'), ('of the memory', 'memory')):
        means = [results.mean_ratio(tool, what, work=work, threads=threads)[0] for work, threads, tool in columns]
        rows.append([title, *(f'**{short(mean)}**' if mean and what == 'min' else short(mean) for mean in means)])
    beside = {work: peer_of(results, work) for work in results.distinct('work')}
    said = '; '.join(f'{TITLES[tool]}: ' + ', '.join(WORKS[work].title for work in beside if beside[work] == tool)
                     for tool in dict.fromkeys(beside.values()) if tool)
    return [*lines, f"fovea's time over the other's (minima; {said}):", '',
            *table(head, rows)]


def numbers(results, work):
    """One work in milliseconds and MB."""
    cases = results.of(work=work)
    others = [tool for tool in ('onnxruntime', 'torch', 'against') if any(tool in case.runs for case in cases)]
    head = ['', 'threads', 'fovea ms', 'MB']
    for tool in others:
        head += [f'{TITLES[tool]} ms', 'MB', 'time', 'memory', 'differ by']
    rows = []
    for case in cases:
        cells = [case.network + (f', {case.batch} images' if work == 'train' else ''), str(case.threads)]
        for tool in ['fovea', *others]:
            cells += [milliseconds(case.number(tool, 'min')), short(case.number(tool, 'memory'), 0)]
            if tool != 'fovea':
                difference = case.differences.get(tool)
                cells += [short(case.ratio(tool)), short(case.ratio(tool, 'memory')), '' if difference is None else f'{difference:.0e}']
        rows.append(cells)
    for threads in results.distinct('threads'):
        cells = ['**geometric mean**', str(threads), '', '']
        measured = 0
        for tool in others:
            (time, count), (memory, _) = (results.mean_ratio(tool, what, work=work, threads=threads) for what in ('min', 'memory'))
            cells += ['', '', f'**{short(time)}**' if time else '', short(memory), '']
            measured += count
        if measured:
            rows.append(cells)
    return [f'**{WORKS[work].title}**', '', *table(head, rows), '']


def summary(results):
    return '\n'.join(ratios(results))


def whole(results):
    lines = ratios(results) + ['']
    for work in results.distinct('work'):
        lines += numbers(results, work)
    return '\n'.join(lines).rstrip()


def write(path, texts, otherwise):
    """Texts into the places of a page that has them (<!-- tools/bench: NAME -->, <!-- end -->); else one is the page."""
    try:
        with open(path) as file:
            page = file.read()
    except FileNotFoundError:
        page = ''
    places = {found[2] for found in PLACE.finditer(page)}
    if places & set(texts):
        page = PLACE.sub(lambda found: found[1] + texts[found[2]] + '\n' + found[3] if found[2] in texts else found[0], page)
    else:
        page = texts[otherwise] + '\n'
    with open(path, 'w') as file:
        file.write(page)
