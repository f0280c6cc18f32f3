"""What TensorBoard imports at start: as little as possible.

An error while this module is imported would end the whole ``tensorboard`` command, so it imports
TensorBoard's plugin interface and nothing else; everything else is imported inside ``load``.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from tensorboard.plugins import base_plugin

if TYPE_CHECKING:
    from tensorboard_plugin_graphprof.plugin import GraphprofPlugin

logger = logging.getLogger(__name__)


class GraphprofLoader(base_plugin.TBLoader):  # type: ignore[misc]
    """Loads the plugin, or says why it cannot be loaded and leaves TensorBoard alone."""

    always_shown = False

    def load(self, context: base_plugin.TBContext) -> GraphprofPlugin | None:
        """Make the plugin for ``context``; None, with a logged reason, when that fails."""
        try:
            from tensorboard_plugin_graphprof.plugin import GraphprofPlugin

            return GraphprofPlugin(context, always_active=self.always_shown)
        except Exception as error:  # TensorBoard and its other plugins must come up all the same
            logger.warning(
                "The GRAPHPROF tab is left out: %s: %s. "
                "Reinstall it: pip install --upgrade --force-reinstall graphprof.",
                type(error).__name__,
                error,
            )
            return None


class AlwaysShown(GraphprofLoader):
    """Shows the tab even where there is no session yet, as ``graphprof view`` wants it."""

    always_shown = True
