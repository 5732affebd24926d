"""The fake that answers from recordings turns away what the type of provider would not take."""

import dataclasses

import pytest

from providers import TYPES, recorded
from recordings import Wrong, check


@pytest.mark.parametrize("type", list(TYPES))
def test_only_what_a_type_takes_is_answered(recordings, client, type):
    messages = [{"role": "user", "content": "hi"}]
    client.chat.completions.create(model=recorded(type, "text-basic"), messages=messages)
    seen = recordings.seen[-1]
    place = seen.path.removeprefix(f"/{type}/text-basic")
    check(seen, place)
    name = TYPES[type].header[0] if TYPES[type].header else "authorization"
    other = {**seen.headers, name: seen.headers[name] + "x"}
    for request, where, why in [
        (seen, place + "x", "asked at"),
        (seen, place.replace(TYPES[type].base, "/v0", 1) if TYPES[type].base else "/v0" + place, "asked at"),
        (dataclasses.replace(seen, headers=other), place, "credential|signed"),
    ]:
        with pytest.raises(Wrong, match=why):
            check(request, where)
