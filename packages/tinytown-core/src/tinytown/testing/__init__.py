"""What third parties need to test their plugins with: contract kits, real servers, fixtures."""
