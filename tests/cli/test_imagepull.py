"""What `image pull` says of a pull under way."""

from core.cli.imagepull import summary
from core.rpc.pb.machine.image_pb2 import ImageServicePullLayerProgress as Layer


def test_a_line_tells_bytes_and_layers() -> None:
    assert summary({}) == "0 B of 0 B, 0 of 0 layers unpacked"
    layers = {
        "a": Layer(status=Layer.DOWNLOADING, offset=1 << 20, total=4 << 20),
        "b": Layer(status=Layer.EXTRACT_COMPLETE, offset=1 << 20, total=1 << 20),
        "c": Layer(status=Layer.ALREADY_EXISTS, offset=1 << 20, total=1 << 20),
    }
    assert summary(layers) == "3.15 MB of 6.29 MB, 2 of 3 layers unpacked"
