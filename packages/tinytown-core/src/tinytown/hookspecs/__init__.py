"""What a plugin may implement and the values that pass between a plugin and Tinytown. No behaviour lives here."""
