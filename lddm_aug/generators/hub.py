"""Packages on the Hugging Face Hub: `hf://user/name[@revision]` is a folder in a cache."""
from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lddm_aug.extras import require_extra
from lddm_aug.remote import here

PREFIX = 'hf://'
MAIN = 'main'                                        # the Hub's name of the newest version


def resolve_package(package: str | Path) -> Path:
    """The folder of a package: the path itself, or where `hf://user/name[@revision]` was put.

    Another URL, as s3://bucket/package, is copied to this machine.

    A package of the Hub is downloaded into the cache of huggingface_hub, once, with a lock, and
    read from there without a network.

    Raises:
        MissingExtraError: if it is on the Hub and huggingface_hub is not installed.
        ValueError: if the name is none, or nothing is there under it.
        ConnectionError: if the Hub can't be reached and the cache doesn't have it.
    """
    if not is_on_hub(package):
        return here(package)
    return download(*parse_name(str(package)))


def is_on_hub(package: str | Path) -> bool:
    """Whether a package is named by a place on the Hub, not by a folder."""
    return str(package).startswith(PREFIX)


def parse_name(name: str) -> tuple[str, str | None]:
    """`[hf://]user/name[@revision]` → user/name and the revision, None for the newest.

    Raises:
        ValueError: for anything else.
    """
    match = re.fullmatch(rf'(?:{PREFIX})?([\w.-]+/[\w.-]+)(?:@(\S+))?', name)
    if match is None:
        raise ValueError(f'a package on the Hub is {PREFIX}user/name or {PREFIX}user/name@revision,'
                         f' but got {name!r}')
    return match[1], match[2]


def download(name: str, revision: str | None = None) -> Path:
    """The folder of a repository in the cache, downloaded unless it is there; see above."""
    require_extra('hub', f'{PREFIX}{name}')
    from huggingface_hub import snapshot_download  # slow

    with _one_message(name, revision):
        folder = Path(snapshot_download(name, revision=revision, allow_patterns=[
            '*.json', '*.md', '*.safetensors']))
    if not folder.is_dir():                          # nothing was downloaded
        raise ValueError(f'{PREFIX}{name} holds no generator package; check the name')
    return folder


def upload(folder: Path, name: str, revision: str | None = None, public: bool = False,
           message: str = '', stale: Sequence[str] = ()) -> str:
    """Put a folder's files into a repository, in one commit; the address of this version.

    Args:
        folder: all its files are uploaded.
        name: user/name; it is made where it isn't there.
        revision: a branch, which is made where it isn't there; by default `main`.
        public: whether everybody may read a repository that is made.
        message: of the commit.
        stale: names of files that go where the folder doesn't have them.

    Raises:
        MissingExtraError: if huggingface_hub is not installed.
        ValueError: if there is no token, it may not write there, or the repository is public and
            no one chose that.
        ConnectionError: if the Hub can't be reached.
    """
    require_extra('hub', 'push')
    from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi, get_token  # slow

    if get_token() is None:
        raise ValueError('push: there is no token; make one that may write at '
                         'https://huggingface.co/settings/tokens, then `hf auth login`, or set '
                         'HF_TOKEN')
    api = HfApi(library_name='lddm_aug')
    with _one_message(name, revision):
        api.create_repo(name, private=not public, exist_ok=True)
        if not public and not api.model_info(name).private:
            raise ValueError(f'push: {name} is public, so that everybody could read the package; '
                             'say --public, or name another repository')
        if revision not in (None, MAIN):
            api.create_branch(name, branch=str(revision), exist_ok=True)
        there = api.list_repo_files(name, revision=revision)
        files = sorted(file for file in folder.iterdir() if file.is_file())
        operations: list[Any] = [CommitOperationAdd(file.name, file) for file in files]
        operations += [CommitOperationDelete(each) for each in stale
                       if each in there and not (folder / each).is_file()]
        commit = api.create_commit(name, operations, commit_message=message, revision=revision)
    return str(commit.commit_url)


@contextmanager
def _one_message(name: str, revision: str | None) -> Iterator[None]:
    """Raise what the user can do in place of what huggingface_hub raises."""
    from huggingface_hub import errors

    at = f'@{revision}' if revision else ''
    try:
        yield
    except errors.HFValidationError as error:
        raise ValueError(f'{name} is no name on the Hub: {error}') from error
    except errors.GatedRepoError as error:
        raise ValueError(f'{PREFIX}{name}: its owner must let you read it; ask at '
                         f'https://huggingface.co/{name}') from error
    except errors.RevisionNotFoundError as error:
        raise ValueError(f'{PREFIX}{name} has no revision {revision!r}; leave it out for the '
                         'newest') from error
    except errors.RepositoryNotFoundError as error:
        raise ValueError(f'{PREFIX}{name}: there is no such package on the Hub, or it is private; '
                         'check the name, and `hf auth login` with a token that may read it'
                         ) from error
    except (errors.LocalEntryNotFoundError, errors.OfflineModeIsEnabled) as error:
        raise ConnectionError(f'{PREFIX}{name}{at}: the Hub cannot be reached, and the package is '
                              f'not in the cache; connect once to download it') from error
    except errors.HfHubHTTPError as error:
        status = getattr(error.response, 'status_code', None)
        reason = (error.server_message or str(error).splitlines()[0]).strip()
        if status in (401, 403):
            raise ValueError(f'{PREFIX}{name}: the token may not do this ({reason}); `hf auth '
                             'login` with one that may') from error
        raise ConnectionError(f'{PREFIX}{name}: the Hub answered {status} ({reason}); try again '
                              'later') from error
    except Exception as error:
        if not type(error).__module__.startswith(('httpx', 'httpcore', 'requests')):
            raise
        raise ConnectionError(f'{PREFIX}{name}: the Hub cannot be reached ({error}); check the '
                              'network') from error
