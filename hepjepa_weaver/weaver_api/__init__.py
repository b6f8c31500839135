"""Every name that this package takes from weaver, in one place.

It is written for weaver-core 0.5.3 (`changed.TESTED`). A private contact uses a name that weaver does not promise. This
is a name with a leading underscore, an attribute set on foreign objects, or an internal of a function. Each private
contact has a function here. The function raises `WeaverChanged` if a newer weaver no longer has the name.
`tests/unit/test_weaver_contract.py` tests each contact. `host.weaver_patches` lists what is replaced inside weaver.
"""
