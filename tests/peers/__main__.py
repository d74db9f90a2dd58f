"""Install the peers ahead of the tests, or say why their tests will be skipped."""

from tests.peers import node

try:
    node.install()
except node.Missing as missing:
    print(f"Tests against other servers will be skipped: {missing}.")
