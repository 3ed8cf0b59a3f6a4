"""Operations by named conventions, the gaps between them, and calculations written out."""
