"""What PyTorch's compiler says about PyTorch itself, which is no fault of ours."""

import pytest

compiler_may_warn = pytest.mark.filterwarnings(
    "ignore:`torch.jit.script_method` is deprecated:DeprecationWarning",
    "ignore:.*should not be instantiated:DeprecationWarning",  # Dynamo itself makes such objects
    "ignore:The .grad attribute of a Tensor:UserWarning",  # and looks at that of tensors that have none
    "ignore:TensorFloat32 tensor cores:UserWarning",  # which would round more than tests allow
)
