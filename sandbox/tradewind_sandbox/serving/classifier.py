"""The model as a server runs it: onnxruntime with one thread, around it what magika does before and after."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import onnxruntime
from magika import Magika


@dataclass(frozen=True, slots=True)
class Prediction:
    """What kind of file something is."""

    label: str
    score: float


class Classifier:
    """A model that was loaded from a folder. May be used by several threads at once.

    Args:
        folder: With `model.onnx` and `config.min.json`.

    Raises:
        Exception: They are no model, or do not belong together; of onnxruntime's and magika's own kinds.
    """

    def __init__(self, folder: Path) -> None:
        self._magika = _OneThread(model_dir=folder)
        self.predict(_SAMPLE)  # so that files which do not belong together are found now

    def predict(self, content: bytes) -> Prediction:
        """Tell what kind of file `content` is."""
        found = self._magika.identify_bytes(content).prediction
        return Prediction(str(found.output.label), float(found.score))


_SAMPLE = b"import os\n\nprint(os.getcwd())\n" * 4


class _OneThread(Magika):
    """Three servers and three clouds share a machine, where a pool of spinning threads for each would only disturb."""

    def _init_onnx_session(self) -> onnxruntime.InferenceSession:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        return onnxruntime.InferenceSession(self._model_path, options, providers=["CPUExecutionProvider"])
