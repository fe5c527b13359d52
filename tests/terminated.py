"""Callbacks that end their own process as a scheduler or a user would."""

import os
import signal

from lightning.pytorch.callbacks import Callback


class Terminated(Callback):
    """Sends SIGTERM after the first step."""

    def on_train_batch_end(self, *_):
        os.kill(os.getpid(), signal.SIGTERM)


class Interrupted(Callback):
    """Presses Ctrl-C after the first step."""

    def on_train_batch_end(self, *_):
        os.kill(os.getpid(), signal.SIGINT)
