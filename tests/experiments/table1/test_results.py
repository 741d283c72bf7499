"""The file of Table 1's rows."""
from concurrent.futures import ThreadPoolExecutor

from lddm_aug.experiments.table1.results import add_row, load_results

PROTOCOL = dict(data='phantom', size=64)


def test_no_row_is_lost_where_several_commands_write_one_file(tmp_path, count_in):
    count_in('two writers of a file of results: rows lost', 'of {} tests failed', 'failed', 16)
    file = tmp_path / 'new' / 'table1.json'
    rows = [dict(generator=name, seed=seed, identity='a', fd=float(seed))
            for name in ('cinn', 'lddm') for seed in range(8)]
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda row: add_row(file, 'rows', row, PROTOCOL, 'a command'), rows))
    assert load_results(file)['rows'] == rows[8:] + rows[:8]      # LDDM first


def test_a_row_takes_the_place_of_the_older_one(tmp_path):
    file = tmp_path / 'table1.json'
    for fd in (3., 2.):
        results = add_row(file, 'rows', dict(generator='lddm', seed=0, identity='a', fd=fd),
                          PROTOCOL, 'a command')
    assert [row['fd'] for row in results['rows']] == [2.]
