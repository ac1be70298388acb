"""Addresses that are told of moves, each opened by whoever tells it, and opened anew when it refuses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, cast

from tradewind.errors import AccessDeniedError, ConfigurationError, CredentialsError
from tradewind.fleet import Address, EventGrid, Webhook
from tradewind.ports import Notice, Notifier
from tradewind.runtime.clients import cloud

if TYPE_CHECKING:
    from tradewind.runtime.clients import Runtime


@dataclass(slots=True)
class LateNotifier:
    """An address that is opened when it is told something: one whose key cannot be read keeps no other from hearing.

    What refuses is opened anew the next time, since its key may have been replaced; and where it does not know who
    tells it, at once, so that this notice is told, too. A process may live for days, and notices are rare.

    Args:
        open: Opens it.
        reread: Reads anew the credentials that `open` would have from before.
    """

    open: Callable[[], Notifier]
    reread: Callable[[], None] = lambda: None
    _opened: Notifier | None = None

    def tell(self, notice: Notice) -> None:
        """Tell it (see `ports.Notifier`)."""
        try:
            self._tell(notice)
        except (AccessDeniedError, CredentialsError):
            self.reread()
            self._tell(notice)

    def _tell(self, notice: Notice) -> None:
        opened = self._opened or self.open()
        self._opened = opened
        try:
            opened.tell(notice)
        except ConfigurationError:
            self._opened = None
            raise


def notifier_of(runtime: Runtime, address: Address) -> LateNotifier:
    """Return an address of the fleet file; a site's credentials are kept by the runtime, its own key by nobody else."""
    opened = partial(_open, runtime, address)
    if isinstance(address, Webhook | EventGrid):
        return LateNotifier(opened)
    return LateNotifier(opened, partial(runtime.reread_credentials, address.site))


def _open(runtime: Runtime, address: Address) -> Notifier:
    if isinstance(address, Webhook):
        secret = runtime.secret(address.secret) if address.secret else None
        opened = cloud("web", "notices").open_notifier(address, secret)
    elif isinstance(address, EventGrid):
        opened = cloud("azure", "notices").open_notifier(address, runtime.secret(address.key))
    else:
        site = runtime.site(address.site)
        opened = cloud(site.cloud, "notices").open_notifier(address, site, runtime.credentials(address.site))
    return cast("Notifier", opened)
