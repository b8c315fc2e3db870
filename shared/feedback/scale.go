package feedback

// agreements are the option ids of YesPartlyNo, in the order shown.
var agreements = []string{"yes", "partly", "no", "none"}

// Agreements are the options of a YesPartlyNo question, in the order shown.
func Agreements() []Option {
	return []Option{
		{ID: "yes", Text: Text{Vietnamese: "Có", English: "Yes"}},
		{ID: "partly", Text: Text{Vietnamese: "Một phần", English: "Partly"}},
		{ID: "no", Text: Text{Vietnamese: "Không", English: "No"}},
		{ID: "none", Text: Text{Vietnamese: "Không có ý kiến", English: "No opinion"}},
	}
}

// ScoreText is the word that stands beside the face of a score, 1…5.
func ScoreText(score int) Text {
	switch score {
	case 1:
		return Text{Vietnamese: "Rất không hài lòng", English: "Very dissatisfied"}
	case 2:
		return Text{Vietnamese: "Không hài lòng", English: "Dissatisfied"}
	case 3:
		return Text{Vietnamese: "Bình thường", English: "Neutral"}
	case 4:
		return Text{Vietnamese: "Hài lòng", English: "Satisfied"}
	case 5:
		return Text{Vietnamese: "Rất hài lòng", English: "Very satisfied"}
	}
	return nil
}
