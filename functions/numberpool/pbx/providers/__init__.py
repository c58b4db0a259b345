"""Telephonies that the door knows: provider's name in the path → its adapter."""

from __future__ import annotations

from collections.abc import Mapping

from functions.numberpool.pbx.adapter import Adapter
from functions.numberpool.pbx.providers.asterisk import ASTERISK
from functions.numberpool.pbx.providers.calltouch import CALLTOUCH
from functions.numberpool.pbx.providers.generic import GENERIC
from functions.numberpool.pbx.providers.mango import MANGO
from functions.numberpool.pbx.providers.mikopbx import MIKOPBX
from functions.numberpool.pbx.providers.twilio import TWILIO
from functions.numberpool.pbx.providers.uis import UIS
from functions.numberpool.pbx.providers.zadarma import ZADARMA

ADAPTERS: Mapping[str, Adapter] = {
    adapter.name: adapter for adapter in (GENERIC, UIS, MANGO, ZADARMA, TWILIO, CALLTOUCH, MIKOPBX, ASTERISK)
}
